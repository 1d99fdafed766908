-- The noise on the text feature: LinCIR Table 9, and no figure that it does not print.
FROM papers_beside_ours(['LinCIR Table 9']) WHERE paper <> ''
