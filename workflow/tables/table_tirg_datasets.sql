-- Sizes of TIRG's data sets, which the paper states in its text and in no table.
FROM papers_beside_facts(CAST([] AS VARCHAR[]))
