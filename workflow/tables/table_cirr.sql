-- CIRR as the papers print it: SEARLE Table 2 and LinCIR Table 6, both test1; then val and what no paper prints.
FROM papers_beside_ours('CIRR', 'cirr', ['SEARLE Table 2', 'LinCIR Table 6'])
