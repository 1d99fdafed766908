-- GeneCIS: LinCIR Table 4 (averages) and its appendix (each task); then the protocol as intended.
FROM papers_beside_ours([
    'LinCIR Table 4', 'LinCIR appendix-GeneCIS (quoted to 1 decimal by MegaPairs paper Table 9)',
    'GeneCIS-github DOWNLOAD.md'
])
