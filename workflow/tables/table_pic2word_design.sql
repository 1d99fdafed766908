-- Architectures of Pic2Word's network: Pic2Word-supp Table 3, and no figure that it does not print.
FROM papers_beside_ours(['Pic2Word-supp Table 3']) WHERE paper <> ''
