-- Which words give way to the token: LinCIR Table 8, and no figure that it does not print.
FROM papers_beside_ours(['LinCIR Table 8']) WHERE paper <> ''
