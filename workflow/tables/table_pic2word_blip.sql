-- Pic2Word beside BLIP: Pic2Word-supp Table 6, and no figure that it does not print.
FROM papers_beside_ours(['Pic2Word-supp Table 6']) WHERE paper <> ''
