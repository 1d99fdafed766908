"""Text out of token ids as the papers' releases of `transformers` decoded it."""

#: The rewriting that `transformers` did after decoding, in its order; it no longer does for byte-level tokenizers.
SPACE_RULES = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def clean_up_spaces(text: str) -> str:
    """Take out the space before punctuation and contractions, as transformers 4.24 did by default.

    The authors' phrases were decoded so. It glues `Grevillea 'moonlight'` together, by which that concept is
    lost to later stages. Newer releases ignore the option for byte-level BPE, hence the rules stand here.
    """
    for old, new in SPACE_RULES:
        text = text.replace(old, new)
    return text
