-- CIRCO as the papers print it, all on test; then val and what no paper prints.
FROM papers_beside_ours(['SEARLE Table 3', 'LinCIR Table 3'])
