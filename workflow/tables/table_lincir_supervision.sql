-- What LinCIR's φ learns to stand for: LinCIR Table 7, and no figure that it does not print.
FROM papers_beside_ours(['LinCIR Table 7']) WHERE paper <> ''
