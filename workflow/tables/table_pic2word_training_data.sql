-- CC3M against CC12M: Pic2Word-supp Table 4, and no figure that it does not print.
FROM papers_beside_ours(['Pic2Word-supp Table 4']) WHERE paper <> ''
