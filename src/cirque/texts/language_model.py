"""The causal language model that continues concept prompts: a small GPT-2 trained here, or a released one.

`python -m cirque train_language_model --corpus corpus.txt --output results/language_model … --threads 1`

SEARLE §3.1 asks GPT-Neo-2.7B for its phrases. The generated world has a GPT-2 of its own, trained on that
world's sentences, so that the same sampling code runs at both scales. A model is a folder in the layout of
`transformers` (safetensors and JSON).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn import functional

from cirque.errors import CirqueError
from cirque.progress import progress
from cirque.store import provenance

#: Begins and ends a sentence, and pads a batch, as in GPT-2.
END_OF_TEXT = "<|endoftext|>"

#: Large enough that the words of the generated sentences are single tokens: `no_repeat_ngram_size` then forbids
#: a repeated pair of words, as it does with GPT-Neo's vocabulary, and not a word that has two pieces.
VOCABULARY_SIZE = 2048

#: Tokens of the longest sentence that the trained model can read; SEARLE samples up to 35.
CONTEXT_LENGTH = 64


#: Batches whose sentences are sorted by length together: less padding, and the order stays random enough.
SORTED_TOGETHER = 16


@dataclass(frozen=True)
class Settings:
    """Size and training of the GPT-2."""

    layers: int
    width: int
    heads: int
    epochs: int
    batch: int
    learning_rate: float


@dataclass(frozen=True)
class LanguageModel:
    """A causal model in evaluation mode and its tokenizer."""

    model: Any  # transformers.PreTrainedModel
    tokenizer: Any  # transformers.PreTrainedTokenizerFast
    device: torch.device


def read_corpus(path: Path) -> list[str]:
    """The sentences of a corpus: one a line, blank lines left out.

    Raises:
        CirqueError: the file is missing, is not UTF-8, or holds no sentence.
    """
    provenance.read(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise CirqueError(f"{path}: no such file; it is the corpus that the language model learns from") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise CirqueError(f"{path}: holds no sentence; one a line is expected")
    return sentences


def train_tokenizer(sentences: Sequence[str]) -> Any:
    """Byte-level BPE over the sentences, as a `transformers` tokenizer; any text is read and given back unchanged."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415  (slow import)
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        model_max_length=CONTEXT_LENGTH,
    )


def _batches(ids: Sequence[Sequence[int]], batch: int, generator: torch.Generator) -> list[torch.Tensor]:
    """One epoch of shuffled batches of sentences of like length, padded on the right with −100 (no loss there)."""
    order = torch.randperm(len(ids), generator=generator).tolist()
    batches: list[list[int]] = []
    for start in range(0, len(order), SORTED_TOGETHER * batch):
        alike = sorted(order[start : start + SORTED_TOGETHER * batch], key=lambda i: len(ids[i]))
        batches += [alike[k : k + batch] for k in range(0, len(alike), batch)]
    shuffled = torch.randperm(len(batches), generator=generator).tolist()
    return [
        torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(ids[i]) for i in batches[number]], batch_first=True, padding_value=-100
        )
        for number in shuffled
    ]


def train(sentences: Sequence[str], settings: Settings, seed: int, device: torch.device) -> LanguageModel:
    """Train a GPT-2 from scratch on sentences, each ended by the end token.

    Args:
        sentences: what it learns to continue.
        settings: size of the model and of the training.
        seed: decides initial weights, order and dropout.
        device: where to train.

    Raises:
        CirqueError: the width is no multiple of the heads, or the loss is not finite.
    """
    from transformers import GPT2Config, GPT2LMHeadModel  # noqa: PLC0415  (slow import)

    if settings.width % settings.heads:
        raise CirqueError(f"language_model: width {settings.width} is no multiple of heads {settings.heads}")
    tokenizer = train_tokenizer(sentences)
    end = tokenizer.eos_token_id
    ids = [[*row[: CONTEXT_LENGTH - 1], end] for row in tokenizer(list(sentences), truncation=False)["input_ids"]]
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(tokenizer),
                n_positions=CONTEXT_LENGTH,
                n_embd=settings.width,
                n_layer=settings.layers,
                n_head=settings.heads,
                resid_pdrop=0.0,  # a generated corpus is too plain to be learned by heart
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                bos_token_id=end,
                eos_token_id=end,
            )
        )
        _optimise(model.to(device), ids, settings, seed)
    return LanguageModel(model.eval(), tokenizer, device)


def _optimise(model: Any, ids: Sequence[Sequence[int]], settings: Settings, seed: int) -> None:
    """Next-token training with AdamW at a rate that falls linearly to zero."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate)
    generator = torch.Generator().manual_seed(seed)
    n_steps = settings.epochs * -(-len(ids) // settings.batch)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, n_steps)
    model.train()
    bar: Any = progress(total=n_steps, what="language model", unit="step")
    with bar:
        for epoch in range(settings.epochs):
            for batch in _batches(ids, settings.batch, generator):
                labels = batch.to(model.device)
                # What stands under −100 is never looked at: the pads are on the right and the model is causal.
                logits = model(input_ids=labels.clamp(min=0)).logits[:, :-1]
                loss = functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
                if not torch.isfinite(loss):
                    raise CirqueError(
                        f"language model: the loss is {loss.item()} in epoch {epoch}; lower"
                        f" language_model.learning_rate (now {settings.learning_rate:g})"
                    )
                optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimiser.step()
                schedule.step()
                bar.update()
                bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


def save(folder: Path, language_model: LanguageModel) -> None:
    """Write model and tokenizer into an existing folder.

    Raises:
        OSError: it cannot be written.
    """
    from transformers.utils import logging  # noqa: PLC0415  (slow import)

    logging.disable_progress_bar()
    try:
        language_model.model.save_pretrained(folder, safe_serialization=True)
    except SafetensorError as error:  # a full disk has a name of its own there
        raise OSError(str(error)) from error
    language_model.tokenizer.save_pretrained(folder)
    # safetensors writes for the owner alone; who may read the configuration may read the weights.
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)


def load(folder: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Read a model that `save` wrote, or a released one in the same layout; nothing is fetched.

    Args:
        folder: of the model.
        device: where it computes.
        dtype: of its weights and products.

    Raises:
        CirqueError: the folder lacks the model, or a file of it is broken.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415  (slow import)
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise CirqueError(f"{folder}: holds no language model (config.json and *.safetensors); run Snakemake for it")
    for file in sorted(folder.iterdir()):
        if file.suffix in {".json", ".safetensors", ".txt"} and not file.name.endswith(".run.json"):
            provenance.read_unaltered(file)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=dtype, trust_remote_code=False
        )
    except Exception as error:  # transformers, tokenizers and safetensors each raise kinds of their own
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(
            f"{folder}: the language model could not be loaded ({first}); delete the folder and run Snakemake again"
        ) from error
    return LanguageModel(model.to(device).eval().requires_grad_(False), tokenizer, device)
