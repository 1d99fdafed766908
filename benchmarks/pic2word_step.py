"""One step of Pic2Word's training, ours beside a plain one as released: `python benchmarks/pic2word_step.py`.

Random weights at the size of ViT-L/14 and random image features: the image tower is left out on both sides. The plain
step does what the released code does: the prompt runs at 77 positions, the token is put in at the end token's place,
and the weights of the text tower take gradients that nobody reads. Every round runs each variant from the same network
on the same batch; the ratio is the median of the rounds' ratios, which a busy machine disturbs less than the times.
Processor time is shown beside the clock, as it leaves out the waiting for other programs.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import open_clip
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

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

#: CLIP's own logit_scale after its training.
LOGIT_SCALE = 4.6052

#: Our steps in each round: together they take about as long as the plain one, and so meet the same disturbances.
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

    def step(self, start: phi.Phi, features: Tensor) -> float:
        """Loss of one step."""
        for name, weights in self.model.named_parameters():
            weights.requires_grad_(not name.startswith("visual.") and name != "logit_scale")
        loss = one_step(start, features, self.loss)
        self.model.requires_grad_(False)
        for weights in self.model.parameters():
            weights.grad = None
        return loss


def one_step(start: phi.Phi, features: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Loss of one step of a copy of the network, dropout drawn alike each time."""
    network = copy.deepcopy(start)
    optimiser = pic2word_training.optimiser_of(network, SETTINGS)
    torch.manual_seed(0)
    loss = loss_of(features, network(features))
    loss.backward()
    optimiser.step()
    return loss.item()


def timed(step: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """Mean seconds of a step by the clock and of the processor, and its loss."""
    clock, processor = time.perf_counter(), time.process_time()
    losses = [step() for _ in range(repeats)]
    return (time.perf_counter() - clock) / repeats, (time.process_time() - processor) / repeats, losses[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=SETTINGS.batch, help="images")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dtype", nargs="+", choices=TYPES, default=["fp32"], help="of our products")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    backbone = random_backbone()
    start = phi.initial_pic2word(
        backbone.dim,
        backbone.token_dim,
        SETTINGS.dropout,
        0,
        n_layers=SETTINGS.n_layers,
        middle_dim=SETTINGS.middle_dim,
    )
    features = torch.randn(arguments.rounds, arguments.batch, backbone.dim)
    ours = {name: pic2word_training.Objective(backbone, arguments.batch, TYPES[name]) for name in arguments.dtype}
    print(
        f"torch {torch.__version__}, {arguments.threads} threads, {torch.backends.cpu.get_cpu_capability()};"
        f" {MODEL}, batch {arguments.batch}"
    )
    compare(Plain(backbone), ours, start, features)


def compare(plain: Plain, ours: dict[str, pic2word_training.Objective], start: phi.Phi, features: Tensor) -> None:
    """Run a round for each batch of features and print times, ratios and the largest difference of losses."""
    for objective in ours.values():
        one_step(start, features[0], objective)  # warm-up
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in ours}
    worst = dict.fromkeys(ours, 0.0)
    for number, images in enumerate(features):
        clock, processor, expected = timed(lambda images=images: plain.step(start, images), 1)
        line = f"round {number + 1}: plain {clock:.2f} s ({processor:.2f} s of the processor)"
        for name, objective in ours.items():
            our_clock, our_processor, loss = timed(
                lambda objective=objective, images=images: one_step(start, images, objective), REPEATS
            )
            ratios[name].append((clock / our_clock, processor / our_processor))
            worst[name] = max(worst[name], abs(loss - expected) / abs(expected))
            line += f", {name} {our_clock:.3f} s ({our_processor:.3f} s)"
        print(line, flush=True)
    for name, found in ratios.items():
        by_clock, by_processor = (statistics.median(column) for column in zip(*found, strict=True))
        print(
            f"{name}: {by_clock:.1f} × the plain step by the clock, {by_processor:.1f} × by processor time;"
            f" losses differ by at most {worst[name]:.1e} of their value"
        )


if __name__ == "__main__":
    main()
