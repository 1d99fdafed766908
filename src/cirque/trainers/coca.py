"""Train a small CoCa from scratch: to say an image's caption word by word, and which one is whose (Yu et al., 2022).

Only some two hundred of CLIP's 49,408 tokens occur in the mini world. The others share one column of the decoder's
vocabulary, which is counted as often as there are others: the cross-entropy over the whole vocabulary at the price of
the words that occur, and no word that never occurred is ever said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, pad

from cirque.encoders import captioners
from cirque.errors import CirqueError
from cirque.trainers import clip as clip_training
from cirque.training.contrastive import contrastive_loss

#: Weights of the two losses (Yu et al., 2022, §4.1; open_clip's defaults).
CAPTION_WEIGHT, CONTRASTIVE_WEIGHT = 2.0, 1.0


@dataclass(frozen=True)
class Settings(clip_training.Settings):
    """How a mini captioner is trained."""

    longest_caption: int  # tokens; the long captions of the world are about alterations, and cost most


@dataclass
class Vocabulary:
    """The trained rows of CoCa's two vocabularies: of the tokens that occur, and one for all others."""

    rows: Tensor  # ids of the tokens that occur [n]; the padding is the first
    embeddings: nn.Parameter  # of the text tower [n, width]
    columns: nn.Parameter  # of the decoder [width, n + 1]; the last one is that of all others
    n_others: int

    @classmethod
    def of(cls, model: Any, rows: Tensor) -> "Vocabulary":
        """Copies of a model's own, to be trained in their place."""
        projection = model.text_decoder.text_projection.detach()
        others = torch.zeros(len(projection), 1, device=projection.device)
        columns = torch.cat([projection[:, rows], others], dim=1)
        return cls(
            rows,
            nn.Parameter(model.text.token_embedding.weight.detach()[rows].clone()),
            nn.Parameter(columns),
            projection.shape[1] - len(rows),
        )

    @torch.no_grad()
    def write_back(self, model: Any) -> None:
        """Put them into the model."""
        model.text.token_embedding.weight[self.rows] = self.embeddings
        projection = model.text_decoder.text_projection
        projection[:] = self.columns[:, -1:]
        projection[:, self.rows] = self.columns[:, :-1]


def encode_texts(text: Any, vocabulary: Vocabulary, ids: Tensor) -> tuple[Tensor, Tensor]:
    """CoCa's text features [n, d], and its tokens [n, length, width], of ids that number the vocabulary's rows.

    The class token keeps the last position's embedding, as if the texts were padded to the whole context.
    """
    if ids.shape[1] < text.context_length:
        ids = pad(ids, (0, 1))  # open_clip's mask is off by one: the class token sees the first padding
    length = ids.shape[1] + 1
    x = torch.cat([embedding(ids, vocabulary.embeddings), text.cls_emb.expand(len(ids), 1, -1)], dim=1)
    x = x + torch.cat([text.positional_embedding[: length - 1], text.positional_embedding[-1:]])
    mask = text.attn_mask[:length, :length] + text._build_additive_mask(ids, length, x.dtype)
    x = text.transformer(x, attn_mask=mask)
    return text.ln_final(x[:, -1]) @ text.text_projection, x[:, :-1]


def caption_loss(
    decoder: Any, vocabulary: Vocabulary, image_tokens: Tensor, text_tokens: Tensor, ids: Tensor
) -> Tensor:
    """Cross-entropy of each next token over the whole vocabulary; the padding is not learned.

    Args:
        decoder: the multimodal decoder.
        vocabulary: whose rows the ids number.
        image_tokens: [n, n_image_tokens, width].
        text_tokens: [n, at least length, width].
        ids: [n, length].
    """
    length = ids.shape[1]
    hidden = captioners.attend(decoder, image_tokens, text_tokens[:, : length - 1])
    logits = hidden @ vocabulary.columns
    shift = torch.zeros_like(logits[0, 0])
    shift[-1] = math.log(vocabulary.n_others)
    return cross_entropy((logits + shift).flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0)


def train(
    model: Any,
    tokenizer: Any,
    data: clip_training.Captioned,
    settings: Settings,
    run: clip_training.Run,
) -> list[float]:
    """Train a CoCa in place, going on from the state if there is one; returns the mean loss of each epoch.

    Args:
        model: open_clip's CoCa, random.
        tokenizer: Its tokenizer.
        data: Images of the model's own size, with captions.
        settings: See there.
        run: See there.

    Raises:
        CirqueError: an image has no caption of that length, or as of `clip_training.lower`.
    """
    data = clip_training.Captioned(data.pixels, _short(data.captions, tokenizer, settings.longest_caption))
    texts = clip_training.Texts(data.captions, tokenizer)
    model = model.to(run.device)
    vocabulary = Vocabulary.of(model, texts.rows.to(run.device))

    def loss_of(images: Tensor, ids: Tensor) -> Tensor:
        features, image_tokens = model.visual(images)
        own, text_tokens = encode_texts(model.text, vocabulary, ids)
        said = caption_loss(model.text_decoder, vocabulary, image_tokens, text_tokens, ids)
        contrasted = contrastive_loss(features, own, model.logit_scale.exp())
        return CAPTION_WEIGHT * said + CONTRASTIVE_WEIGHT * contrasted

    replaced = {
        "text.token_embedding.weight": vocabulary.embeddings,
        "text_decoder.text_projection": vocabulary.columns,
    }
    history = clip_training.lower(model, replaced, data, texts, loss_of, settings=settings, run=run, texts_per_image=1)
    vocabulary.write_back(model)
    return history


def _short(captions: Sequence[Sequence[str]], tokenizer: Any, longest: int) -> list[list[str]]:
    """The captions of each image that have at most `longest` tokens, start and end among them."""
    short = [[text for text in texts if len(tokenizer.encode(text)) + 2 <= longest] for texts in captions]
    without = sum(not texts for texts in short)
    if without:
        raise CirqueError(
            f"training: {without:,} of {len(short):,} images have no caption of at most {longest} tokens; raise"
            " longest_caption"
        )
    return short
