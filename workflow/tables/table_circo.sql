-- CIRCO as the papers print it: SEARLE Table 3 and LinCIR Table 3, both test; then val and what no paper prints.
FROM papers_beside_ours('CIRCO', 'circo', ['SEARLE Table 3', 'LinCIR Table 3'])
