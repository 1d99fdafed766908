-- SEARLE's ablations of inversion and of φ, all on val; then what the paper does not print of the same runs.
FROM papers_beside_ours(['SEARLE Table 4'])
