-- Sizes of the evaluation sets: Pic2Word-supp Table 1.
FROM papers_beside_facts(['Pic2Word-supp Table 1'])
