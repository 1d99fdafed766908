"""The columns of every stage file, in one place: the contract between stages, and what DuckDB shows.

The key column comes first and the rows are sorted as each comment says. Fixed-size lists get their length from the
backbone: `features(512)`.
"""

import pyarrow as pa

STRINGS = pa.list_(pa.string())

#: One image set, in gallery order. `path` is relative to the data root; `shard` and `key` say where the bytes are.
IMAGES = pa.schema([("image_id", pa.string()), ("path", pa.string()), ("shard", pa.int32()), ("key", pa.string())])

#: One row a query, in the order of the annotation file.
QUERIES = pa.schema(
    [
        ("query_id", pa.string()),
        ("reference_id", pa.string()),
        ("captions", STRINGS),
        ("target_ids", STRINGS),  # empty where the answers are hidden
        ("candidate_ids", STRINGS),  # a query's own gallery, or null: its group's gallery
        ("subset_ids", STRINGS),  # the members of its image set without the reference, or null
        ("group", pa.string()),
        ("tags", STRINGS),
        ("full_caption", pa.string()),  # the target's own caption, only where the data are generated
    ]
)

#: One row a triplet of a train split, in the order of the annotation files.
TRIPLETS = pa.schema([("reference_id", pa.string()), ("captions", STRINGS), ("target_id", pa.string())])

#: One row a candidate image, in the order that breaks ties; of a text `image_id` is the text, and there is no shard.
GALLERY = pa.schema(
    [
        ("image_id", pa.string()),
        ("group", pa.string()),
        ("shard", pa.int32()),
        ("key", pa.string()),
        ("crop", pa.list_(pa.float32(), 4)),  # x, y, width, height in pixels, or null: the whole image
    ]
)

#: SEARLE §3.1: the continuations that a language model gives to `a photo of {concept} that`.
PHRASES = pa.schema([("concept", pa.string()), ("phrases", STRINGS)])

#: Rows of a group in files of phrases and of their features: inversion reads those of its own images' concepts.
CONCEPTS_OF_A_GROUP = 1

#: The nearest concepts of an image, most similar first.
CONCEPTS = pa.schema([("image_id", pa.string()), ("concepts", STRINGS), ("similarities", pa.list_(pa.float32()))])

#: What a ranking must keep so that each metric of every paper is a query over it. Ranks are 1-based.
RANKINGS = pa.schema(
    [
        ("query_id", pa.string()),
        ("group", pa.string()),
        ("tags", STRINGS),
        ("target_ranks", pa.list_(pa.int32())),  # of every ground truth, in the order of target_ids
        ("subset_rank", pa.int32()),  # of the first target among subset_ids, or null
        ("n_candidates", pa.int32()),
        ("top_ids", STRINGS),  # the best 50
        ("top_scores", pa.list_(pa.float32())),
        ("subset_ids", STRINGS),  # the subset from best to worst, or null
    ]
)

#: What a part of a gallery says of each query; parts of all blocks merge to RANKINGS.
PARTIAL_RANKINGS = pa.schema(
    [
        ("query_id", pa.string()),
        ("named_scores", pa.list_(pa.float32())),  # of its targets, subset, removed reference, wherever they are
        ("above", pa.list_(pa.int64())),  # images of the part that come before each target
        ("top_places", pa.list_(pa.int64())),  # positions in the gallery of the part's best 50
        ("top_scores", pa.list_(pa.float32())),
        ("first_block", pa.int64()),  # of the part, and behind its last
        ("end_block", pa.int64()),
        ("asked", pa.string()),  # fingerprint of queries, gallery and protocol, which all parts must share
    ]
)

METRICS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("split", pa.string()),
        ("group", pa.string()),
        ("backbone", pa.string()),
        ("method", pa.string()),
        ("seed", pa.int32()),
        ("metric", pa.string()),  # R@10, R_subset@1, mAP@5
        ("value", pa.float64()),  # percent
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("n_queries", pa.int32()),
    ]
)

#: The papers' numbers in one format. `method` is cirque's own name, or empty where cirque has no such method.
PUBLISHED = pa.schema(
    [
        ("paper", pa.string()),
        ("table", pa.string()),
        ("row", pa.string()),  # the method as the paper prints it
        ("method", pa.string()),
        ("backbone", pa.string()),  # as in the papers: ViT-B/32
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("subset", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("std", pa.float64()),
    ]
)

TABLE = pa.schema(
    [
        ("paper", pa.string()),
        ("table", pa.string()),
        ("row", pa.string()),
        ("method", pa.string()),
        ("backbone", pa.string()),  # as in the papers
        ("model", pa.string()),  # the configured backbone that was run
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("benchmark", pa.string()),  # the configured one that was run, or empty
        ("subset", pa.string()),
        ("metric", pa.string()),
        ("measured", pa.float64()),
        ("std", pa.float64()),
        ("n_seeds", pa.int32()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("published", pa.float64()),
        ("published_std", pa.float64()),
        ("delta", pa.float64()),
        ("verdict", pa.string()),  # match | differs | cannot run here | mini
        ("reason", pa.string()),
        ("scale", pa.string()),
    ]
)

#: One line of a training log.
TRAINING = pa.schema([("step", pa.int32()), ("epoch", pa.int32()), ("loss", pa.string()), ("value", pa.float64())])


def vectors(key: str, column: str, dim: int) -> pa.Schema:
    """Schema of a vector a row: `key`, `column` of `dim` floats."""
    return pa.schema([(key, pa.string()), (column, pa.list_(pa.float32(), dim))])


def features(dim: int) -> pa.Schema:
    """Image features, un-normalised, in the order of the shard; `status` is `ok` or why there is none."""
    return vectors("image_id", "feature", dim).append(pa.field("status", pa.string()))


def tokens(dim: int) -> pa.Schema:
    """Pseudo tokens in the space of the token embedding."""
    return vectors("image_id", "token", dim)


#: What a captioner says of a benchmark's references, in the order of the shard.
REFERENCE_CAPTIONS = pa.schema(
    [
        ("image_id", pa.string()),
        ("caption", pa.string()),  # without a final dot; may be empty; null where the image failed
        ("status", pa.string()),  # `ok` or why there is none
    ]
)


def concept_features(dim: int) -> pa.Schema:
    """Class embeddings of the vocabulary, L2-normalised (SEARLE §3.1, 24 templates)."""
    return vectors("concept", "feature", dim)


def phrase_features(dim: int) -> pa.Schema:
    """Text features of every phrase of a concept, L2-normalised, in the order of its phrases."""
    return pa.schema([("concept", pa.string()), ("features", pa.list_(pa.list_(pa.float32(), dim)))])


def query_features(dim: int) -> pa.Schema:
    """What a method composed for each query, L2-normalised."""
    return vectors("query_id", "feature", dim)


#: Two methods on the same queries (`python -m cirque compare`): values in percent, differences in percentage points.
COMPARISONS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("group", pa.string()),  # Average: the plain mean over groups
        ("backbone", pa.string()),
        ("metric", pa.string()),
        ("method_a", pa.string()),
        ("method_b", pa.string()),
        ("n_queries", pa.int32()),  # to which the metric applies
        ("value_a", pa.float64()),
        ("value_b", pa.float64()),
        ("difference", pa.float64()),  # a − b
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("p_value", pa.float64()),
        ("p_adjusted", pa.float64()),  # Holm, over all rows of one call
    ]
)


#: A corpus of captions with their parts of speech (LinCIR §3.2), in the order of the corpus.
CAPTIONS = pa.schema(
    [
        ("caption_id", pa.string()),  # corpus name and line number
        ("caption", pa.string()),  # cleaned, and cut to what a text tower reads
        ("words", STRINGS),  # as the tagger splits them
        ("pos", STRINGS),  # universal part of speech of each word
    ]
)


#: What a job before or of the training of a network φ took (Snakemake's measurements), summed over equal jobs.
TRAINING_TIMES = pa.schema(
    [
        ("network", pa.string()),
        ("backbone", pa.string()),
        ("seed", pa.int32()),
        ("step", pa.string()),  # the rule: invert_images
        ("n_jobs", pa.int32()),
        ("seconds", pa.float64()),  # by the clock
        ("processor_seconds", pa.float64()),
    ]
)

#: results/plot_noise_norms.parquet: a sample of a noise.
NOISE_NORMS = pa.schema(
    [
        ("backbone", pa.string()),  # as in the papers
        ("dim", pa.int32()),
        ("noise", pa.string()),  # of training.noise.NOISES
        ("row", pa.string()),  # as the paper prints it
        ("sample", pa.int32()),
        ("norm", pa.float64()),
    ]
)

#: results/plot_training_time.parquet: a score of a trained method beside the time of its training.
TIMED_SCORES = pa.schema(
    [
        ("method", pa.string()),
        ("row", pa.string()),
        ("backbone", pa.string()),  # as in the papers
        ("model", pa.string()),  # the configured backbone that was run
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("benchmark", pa.string()),
        ("metric", pa.string()),
        ("measured", pa.float64()),  # percent
        ("std", pa.float64()),
        ("n_seeds", pa.int32()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("clock", pa.string()),  # wall | processor
        ("training_seconds", pa.float64()),  # of φ alone
        ("total_seconds", pa.float64()),  # with all that it depends on
        ("scale", pa.string()),
        ("comparable", pa.bool_()),  # with what the papers print
    ]
)

#: results/plot_domains.parquet: a bar, or a figure that a paper prints beside it.
BARS = pa.schema(
    [
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("backbone", pa.string()),  # as in the papers
        ("model", pa.string()),  # the configured backbone that was run
        ("method", pa.string()),
        ("row", pa.string()),
        ("is_bound", pa.bool_()),
        ("subset", pa.string()),
        ("metric", pa.string()),
        ("source", pa.string()),  # paper and table of a published figure; empty: measured here
        ("value", pa.float64()),  # percent
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("scale", pa.string()),
        ("comparable", pa.bool_()),  # with what the papers print
    ]
)

#: A picture of a query and of what a decoder makes of a composer's features (TIRG Fig. 7), query after query.
RECONSTRUCTIONS = pa.schema(
    [
        ("method", pa.string()),  # under whose name the composer lies
        ("query_id", pa.string()),
        ("printed", pa.string()),  # the paper's text that the query stands for
        ("text", pa.string()),  # the query's own
        ("kind", pa.string()),  # reference | target | decoded reference | decoded target | decoded query
        ("height", pa.int32()),  # pixels
        ("width", pa.int32()),
        ("pixels", pa.binary()),  # PNG
    ]
)

#: results/plot_reconstruction.parquet: a picture. Reference and target are of no method.
PICTURES = pa.schema(
    [
        *RECONSTRUCTIONS,
        ("row", pa.string()),  # what stands above it
        ("scale", pa.string()),
        ("comparable", pa.bool_()),  # with what the papers print
    ]
)

#: results/plot_css_scenes.parquet: a picture of a scene of CSS or of what it becomes (TIRG Fig. 5), scene after scene.
CSS_SCENES = pa.schema(
    [
        ("split", pa.string()),  # train | test
        ("query_id", pa.string()),  # what is asked of the scene, as in `QUERIES`
        ("image_id", pa.string()),  # of the picture
        ("view", pa.string()),  # 2d | 3d
        ("role", pa.string()),  # reference | target
        ("text", pa.string()),
        ("width", pa.int32()),  # pixels
        ("height", pa.int32()),
        ("picture", pa.binary()),  # PNG
    ]
)

#: What is so without any ranking: sizes of sets, layers of networks, distances between modalities.
FACTS = pa.schema(
    [
        ("dataset", pa.string()),  # as the papers print it
        ("split", pa.string()),
        ("subset", pa.string()),
        ("row", pa.string()),  # as the paper prints it, or empty
        ("backbone", pa.string()),  # the configured one, or empty
        ("metric", pa.string()),
        ("value", pa.float64()),  # in the metric's own unit, never percent
        ("ci_low", pa.float64()),  # null where nothing is sampled
        ("ci_high", pa.float64()),
    ]
)
