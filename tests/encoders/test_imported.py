"""open_clip without what it can do without is the same library."""

import subprocess
import sys

CODE = """
import sys
from cirque.encoders import clip
from cirque.encoders.imported import OPTIONAL
print(sorted(name for name in (*OPTIONAL, "torch._dynamo") if name in sys.modules))
config = {
    "embed_dim": 8,
    "vision_cfg": {
        "timm_model_name": "resnet10t", "timm_model_pretrained": False, "timm_pool": "avg", "image_size": 32
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
print(type(clip.build("with timm", config).visual).__name__)
import torch._dynamo, transformers
print(callable(torch._dynamo.disable), transformers.__name__)
"""


def test_the_import_brings_no_compiler_and_no_foreign_towers_and_both_can_be_had_later():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "TimmModel", "True transformers"]


def test_a_library_that_was_imported_before_is_taken_as_it_is():
    code = "import open_clip; from cirque.encoders.imported import open_clip as ours; print(ours is open_clip)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
