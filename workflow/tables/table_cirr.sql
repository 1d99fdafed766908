-- CIRR as the papers print it, all on test1; then val and what no paper prints.
FROM papers_beside_ours(['SEARLE Table 2', 'LinCIR Table 6', 'Pic2Word main-CIRR (quoted by later papers)'])
