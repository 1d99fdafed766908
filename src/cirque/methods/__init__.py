"""Methods: each module turns queries into query features, `compose(…) -> [n_queries, dim]`, L2-normalised.

A method is one file here and one entry in the configuration. `compose` takes by parameter name what it needs:

    queries               the benchmark's queries (`text_queries.Queries`)
    backbone              the backbone whose text tower reads them
    encoder               the backbone, whether or not it has a text tower: `encoder.model` is trained as a whole
    reference_features    features of the references as of gallery images [n_queries, dim], un-normalised
    query_image_features  likewise by the image tower that the model has for queries, where it has one of its own
    reference_maps        the last feature map of each query's reference [n_queries, channels, height, width]
    reference_pixels      preprocessed pixels of each query's reference [n_queries, size, size, 3], 0 to 255
    reference_captions    what a captioner says of each query's reference, one a query; some may be empty
    reference_concepts    the concept nearest to each query's reference, one a query
    tokens                pseudo tokens that an inversion gave for the references [n_queries, token_dim]
    phi                   the mapping network, in evaluation mode
    combiner              the Combiner, in evaluation mode

What a method does not name is never read, nor is the library behind it imported. Which inversion, network or captioner
it is, `needs` of its entry says.
"""

import numpy as np


def normalise(features: np.ndarray) -> np.ndarray:
    """Rows of unit length."""
    return np.asarray(features / np.linalg.norm(features, axis=-1, keepdims=True))
