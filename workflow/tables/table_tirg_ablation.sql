-- Branches, levels and losses of TIRG: TIRG Table 5, and no figure that it does not print.
FROM papers_beside_ours(['TIRG Table 5']) WHERE paper <> ''
