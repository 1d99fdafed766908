"""Prompts: SEARLE's 24 templates for inversion and class embeddings, PALAVRA's, and the one for queries."""

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

#: What SEARLE corrected in PALAVRA's templates, from which its own descend.
_AS_PALAVRA_WROTE = {
    "This is an illustration of a {}": "This is an illustrations of a {}",
    "This illustration contains a {}": "This illustrations contains a {}",
    "We see a {} in this photo": "We see an {} in this photo",
    "We see a {} in this image": "We see an {} in this image",
    "We see a {} in this illustration": "We see an {} in this illustration",
}

#: PALAVRA's 24 (spec searle §0.3), in the same order.
PALAVRA_TEMPLATES = tuple(_AS_PALAVRA_WROTE.get(template, template) for template in TEMPLATES)

#: Every zero-shot query: the pseudo token and the relative caption.
PROMPT = "a photo of $ that {caption}"
