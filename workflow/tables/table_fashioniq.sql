-- FashionIQ as the papers print it, all on val with the galleries of the original split; then other protocols.
FROM papers_beside_ours(['SEARLE Table 1', 'SEARLE Sec. 5.1', 'LinCIR Table 5', 'Pic2Word main-FashionIQ (quoted by later papers)'])
