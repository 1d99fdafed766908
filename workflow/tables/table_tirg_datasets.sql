-- Sizes of TIRG's data sets, which the paper states in its text and in no table.
FROM papers_beside_facts(CAST([] AS VARCHAR[]))
-- Sizes are stated of the benchmarks of all tables; these are this one's.
WHERE benchmark <> ''
