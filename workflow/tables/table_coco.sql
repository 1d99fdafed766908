-- Object composition on COCO val2017, as Pic2Word prints it.
FROM papers_beside_ours(['Pic2Word main-COCO (quoted by later papers)'])
