"""The prompts of SEARLE: 24 templates for inversion and for class embeddings, and one for queries."""

#: Filled with `" $ "` for inversion, with a name between spaces for class embeddings. "An illustrations" is released.
TEMPLATES = (
    "This is a photo of a {}",
    "This photo contains a {}",
    "A photo of a {}",
    "This is an illustration of a {}",
    "This illustration contains a {}",
    "An illustrations of a {}",
    "This is a sketch of a {}",
    "This sketch contains a {}",
    "A sketch of a {}",
    "This is a diagram of a {}",
    "This diagram contains a {}",
    "A diagram of a {}",
    "A {}",
    "We see a {}",
    "{}",
    "We see a {} in this photo",
    "We see a {} in this image",
    "We see a {} in this illustration",
    "We see a {} photo",
    "We see a {} image",
    "We see a {} illustration",
    "{} photo",
    "{} image",
    "{} illustration",
)

#: Every zero-shot query: the pseudo token and the relative caption.
PROMPT = "a photo of $ that {caption}"
