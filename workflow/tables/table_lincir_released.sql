-- The figures that LinCIR's authors measured with their released checkpoint of ViT-L/14, and no figure that they did not.
FROM papers_beside_ours([
    'LinCIR-github GitHub issue 8 (released demo checkpoint)', 'LinCIR-github GitHub issue 10 (released demo checkpoint)'
]) WHERE paper <> ''
