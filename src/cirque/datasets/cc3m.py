"""CC3M (Conceptual Captions): captioned photographs of the web (spec: docs/data.md#cc3m).

Pic2Word learns from the images that could still be downloaded, listed by open_clip's gathering script; LinCIR from the
captions alone, all of them.
"""

from cirque.data import image_lists

TITLE = "CC3M"

#: Split names and the list of each one's downloaded images: TAB-separated, columns title and filepath.
LISTS = {
    "train": "cc3m/cc/Train_GCC-training_output.csv",
    "val": "cc3m/cc/Validation_GCC-1.1.0-Validation_output.csv",
}

DOCS = "docs/data.md#cc3m"

_COLLECTION = image_lists.Collection(TITLE, "cc3m", LISTS, DOCS)

annotation_files = _COLLECTION.annotation_files
image_folders = _COLLECTION.image_folders
captions = _COLLECTION.captions
images = _COLLECTION.images
