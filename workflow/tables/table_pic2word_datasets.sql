-- Sizes of the evaluation sets: Pic2Word-supp Table 1.
FROM papers_beside_facts(['Pic2Word-supp Table 1'])
-- Sizes are stated of the benchmarks of all tables; these are this one's.
WHERE paper <> '' OR benchmark <> ''
