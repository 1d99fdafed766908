"""One step of Pic2Word's training, ours beside a plain one as released: `python benchmarks/pic2word_step.py`.

Random weights at the size of ViT-L/14 and random image features: the image tower is left out on both sides. The plain
step does what the released code does: the prompt runs at 77 positions, the token is put in at the end token's place,
and the weights of the text tower take gradients that nobody reads. Each variant starts from the same network on the
same batch.
"""

import copy
from collections.abc import Callable

import open_clip
import side_by_side
import torch
from torch import Tensor
from torch.nn import functional

from cirque.encoders import backbones, clip
from cirque.networks import phi
from cirque.trainers import pic2word as pic2word_training

MODEL = "ViT-L-14-quickgelu"

#: A stand-in for the image tower, which is not run.
NO_VISION = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}

#: As released (pic2word.md §1.2, §2).
SETTINGS = pic2word_training.Settings(
    architecture="pic2word",
    n_layers=2,
    middle_dim=512,
    epochs=30,
    batch=128,
    learning_rate=1e-4,
    weight_decay=0.1,
    dropout=0.1,
    warmup=10_000,
)

#: CLIP's own logit_scale after its training.
LOGIT_SCALE = 4.6052

#: Our steps in each round.
REPEATS = 16

END = 49407


def random_backbone() -> backbones.Backbone:
    """The model with its text tower at its real size and random weights."""
    config = {**clip.read_config(MODEL), "vision_cfg": NO_VISION}
    model = clip.build(MODEL, config).eval().requires_grad_(False)
    model.logit_scale.fill_(LOGIT_SCALE)
    return backbones.Backbone(
        model=model,
        tokenizer=open_clip.SimpleTokenizer(),
        name=MODEL,
        dim=config["embed_dim"],
        token_dim=model.token_embedding.embedding_dim,
        image_size=32,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        context_length=model.context_length,
    )


class Plain:
    """The released step, written from its description."""

    def __init__(self, backbone: backbones.Backbone) -> None:
        self.model = backbone.model
        self.prompt = backbone.tokenizer(["a photo of"])

    def texts(self, tokens: Tensor) -> Tensor:
        """Features of the prompt with each token put in before the end token, which moves on by one."""
        model, batch = self.model, len(tokens)
        end = int(self.prompt[0].tolist().index(END))
        x = model.token_embedding(self.prompt.expand(batch, -1))
        x = torch.cat([x[:, :end], tokens[:, None], x[:, end:-1]], dim=1)
        x = model.transformer(x + model.positional_embedding, attn_mask=model.attn_mask)
        return model.ln_final(x)[:, end + 1] @ model.text_projection

    def loss(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Symmetric cross-entropy of a batch."""
        images, texts = functional.normalize(features, dim=-1), functional.normalize(self.texts(tokens), dim=-1)
        scale, right = self.model.logit_scale.exp(), torch.arange(len(images))
        by_image, by_text = scale * images @ texts.t(), scale * texts @ images.t()
        return (functional.cross_entropy(by_image, right) + functional.cross_entropy(by_text, right)) / 2

    def step(self, start: phi.Phi, features: Tensor) -> Tensor:
        """Loss of one step."""
        for name, weights in self.model.named_parameters():
            weights.requires_grad_(not name.startswith("visual.") and name != "logit_scale")
        loss = one_step(start, features, self.loss)
        self.model.requires_grad_(False)
        for weights in self.model.parameters():
            weights.grad = None
        return loss


def one_step(start: phi.Phi, features: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Loss of one step of a copy of the network, dropout drawn alike each time."""
    network = copy.deepcopy(start)
    optimiser = pic2word_training.optimiser_of(network, SETTINGS)
    torch.manual_seed(0)
    loss = loss_of(features, network(features))
    loss.backward()
    optimiser.step()
    return loss.detach()


def main() -> None:
    arguments = side_by_side.parser(__doc__, batch=SETTINGS.batch, of="images").parse_args()
    types = side_by_side.begin(arguments)
    backbone = random_backbone()
    start = phi.initial_pic2word(
        backbone.dim,
        backbone.token_dim,
        SETTINGS.dropout,
        0,
        n_layers=SETTINGS.n_layers,
        middle_dim=SETTINGS.middle_dim,
    )
    features = torch.randn(arguments.rounds + 1, arguments.batch, backbone.dim)
    print(f"{MODEL}, batch {arguments.batch}")
    plain = Plain(backbone)

    def variant(name: str) -> side_by_side.Variant:
        objective = pic2word_training.Objective(backbone, arguments.batch, types[name])

        def ready(number: int) -> Callable[[], Tensor]:
            return lambda: one_step(start, features[number], objective)

        return side_by_side.Variant(ready, name, REPEATS)

    side_by_side.compare(
        lambda number: lambda: plain.step(start, features[number]),
        {name: variant(name) for name in types},
        arguments.rounds,
    )


if __name__ == "__main__":
    main()
