-- The modality gap under each noise, then R@1 of the networks that learned with it: LinCIR Table 1, and no other figure.
FROM (
    FROM papers_beside_facts(['LinCIR Table 1']) WHERE metric = 'modality_gap'
    UNION ALL
    FROM papers_beside_ours(['LinCIR Table 1']) WHERE dataset = 'CIRR' AND paper <> ''
)
