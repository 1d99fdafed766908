-- LinCIR's statements about time and storage, each once. None is measured: they are about eight A100 or one V100, about
-- ratios to other papers' trainings on them, and about the storage of corpora that no mini world has.
SELECT
    paper, "table", "row", method, backbone, CAST(NULL AS VARCHAR) AS model, dataset, split, '' AS benchmark, subset, metric,
    CAST(NULL AS DOUBLE) AS measured, CAST(NULL AS DOUBLE) AS std, CAST(NULL AS INTEGER) AS n_seeds,
    CAST(NULL AS DOUBLE) AS ci_low, CAST(NULL AS DOUBLE) AS ci_high, value AS published, std AS published_std,
    CAST(NULL AS DOUBLE) AS delta, 'cannot run here' AS verdict,
    CASE
        WHEN metric LIKE '%A100%' OR metric LIKE '%V100%' THEN 'a time on GPUs that this configuration does not ask for'
        WHEN metric LIKE 'speedup%' THEN 'a ratio of whole trainings on eight A100; benchmarks/ measures single steps'
        ELSE 'a size of corpora as they were when the paper was written'
    END AS reason,
    scale
FROM published CROSS JOIN settings WHERE paper = 'LinCIR' AND "table" = 'text'
ORDER BY position
