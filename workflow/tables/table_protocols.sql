-- How far a protocol moves a figure: the same features and networks under every protocol that the papers or their code name.
FROM papers_beside_ours(CAST([] AS VARCHAR[]))
