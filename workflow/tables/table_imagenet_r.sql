-- Domain conversion, ImageNet to ImageNet-R, as Pic2Word prints it.
FROM papers_beside_ours(['Pic2Word main-ImageNet-R (quoted by later papers)'])
