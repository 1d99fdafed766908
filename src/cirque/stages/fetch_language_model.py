"""Download a causal language model of the Hugging Face hub: weights as safetensors, configuration and tokenizer."""

import shutil
from pathlib import Path

import huggingface_hub

from cirque.errors import CirqueError
from cirque.store import provenance

#: Everything that AutoModelForCausalLM and AutoTokenizer read; no pickled weights where safetensors exist.
PATTERNS = ["*.json", "*.safetensors", "*.txt"]


def main(*, model: str, output: Path) -> None:
    """Download `model` into the folder `output`, which appears only when whole.

    Args:
        model: Name on the hub, such as EleutherAI/gpt-neo-2.7B.
        output: Folder to make.
    """
    partial = output.parent / f".{output.name}.part"
    partial.mkdir(parents=True, exist_ok=True)
    huggingface_hub.constants.HF_HUB_OFFLINE = False
    try:
        huggingface_hub.snapshot_download(model, local_dir=partial, allow_patterns=PATTERNS)
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise CirqueError(
            f"{model}: could not be downloaded ({error}); what came is kept in {partial}, where a further try goes on"
        ) from error
    if not any(partial.glob("*.safetensors")):
        raise CirqueError(f"{model}: this release holds no safetensors file; choose a revision or model that does")
    shutil.rmtree(output, ignore_errors=True)
    partial.replace(output)
    for file in output.iterdir():
        provenance.wrote(file)
