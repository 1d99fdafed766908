-- Pic2Word beside a CLIP fine-tuned on captions: Pic2Word-supp Table 5, and no figure that it does not print.
FROM papers_beside_ours(['Pic2Word-supp Table 5']) WHERE paper <> ''
