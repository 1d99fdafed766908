"""CC12M (Conceptual 12M): captioned photographs of the web, more and noisier than CC3M's (spec: docs/data.md#cc12m).

Pic2Word learns from the images that could still be downloaded, for its comparison of training data (Supp. Table 4).
They are listed as CC3M's are, by open_clip's gathering script.
"""

from cirque.data import image_lists

TITLE = "CC12M"

#: Split names and the list of each one's downloaded images: TAB-separated, columns title and filepath.
LISTS = {"train": "cc12m/cc/Train_cc12m_output.csv"}

DOCS = "docs/data.md#cc12m"

_COLLECTION = image_lists.Collection(TITLE, "cc12m", LISTS, DOCS)

annotation_files = _COLLECTION.annotation_files
image_folders = _COLLECTION.image_folders
captions = _COLLECTION.captions
images = _COLLECTION.images
