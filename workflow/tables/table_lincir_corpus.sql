-- The corpora of LinCIR: Table 10, whose last column is the plain mean of the other four.
WITH printed AS (FROM papers_beside_ours(['LinCIR Table 10']) WHERE paper <> ''),

means AS (
    SELECT "row" AS corpus, any_value(model) AS of_model, avg(measured) AS average
    FROM printed WHERE dataset <> 'Average of the four' GROUP BY "row" HAVING count(measured) = 4
),

joined AS (
    SELECT printed.*, of_model, average, comparable, tolerance, settings.reason AS not_comparable
    FROM printed CROSS JOIN settings
    LEFT JOIN means ON printed.dataset = 'Average of the four' AND means.corpus = printed."row"
)

SELECT * EXCLUDE (of_model, average, comparable, tolerance, not_comparable) REPLACE (
    CASE WHEN average IS NULL THEN model ELSE of_model END AS model,
    CASE WHEN average IS NULL THEN measured ELSE average END AS measured,
    CASE WHEN average IS NULL THEN n_seeds ELSE 1 END AS n_seeds,
    CASE WHEN average IS NULL THEN delta ELSE average - published END AS delta,
    CASE
        WHEN average IS NULL THEN verdict WHEN NOT comparable THEN 'mini'
        WHEN abs(average - published) <= tolerance THEN 'match' ELSE 'differs'
    END AS verdict,
    CASE
        WHEN dataset = 'Average of the four' AND average IS NULL THEN 'the mean of four figures that were not all measured'
        WHEN average IS NULL THEN reason WHEN NOT comparable THEN not_comparable
        ELSE 'the plain mean of the four figures beside it'
    END AS reason
)
FROM joined
