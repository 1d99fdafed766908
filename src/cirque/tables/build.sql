-- The macros from which a paper's table is made (workflow/tables/*.sql): each published figure beside ours, then what was
-- measured and no paper prints (other splits, further baselines, the upper bound). `cirque table` gives it the views
--
--     metrics            schemas.METRICS of every run
--     published          schemas.PUBLISHED; position, its line in the files; why_not, why it is left out on purpose
--     backbones          model, stands_for, missing, position            of those that the configuration runs
--     methods            method, label, bound, run, is_composed, missing, position    of all that it describes
--     benchmarks         benchmark, dataset, printed_as, split, answers, beside_papers, missing, training_missing, position
--                        of the table's; missing: why the data at hand do not allow it, or null; training_missing: why
--                        they do not allow the training of its composers
--     benchmark_metrics  benchmark, metric, position
--     settings           name, scale, comparable, reason, tolerance    one row
--     facts              schemas.FACTS and position              what the table states without any ranking

-- The published figures of some tables, in the order in which these are named.
CREATE OR REPLACE MACRO printed_in(tables) AS TABLE
SELECT *, lower(replace(subset, ' ', '_')) AS subset_key, list_position(tables, paper || ' ' || "table") AS place_of_table
FROM published WHERE list_contains(tables, paper || ' ' || "table");

-- What is said of a published figure; of ours that no paper prints, nothing at a comparable scale.
CREATE OR REPLACE MACRO verdict_of(hindrance, comparable, agrees, published) AS CASE
    WHEN hindrance IS NOT NULL THEN 'cannot run here'
    WHEN NOT comparable THEN 'mini'
    WHEN agrees THEN 'match'
    WHEN published IS NOT NULL THEN 'differs'
END;

-- Why: `agreement` and `distance` are words about the two figures, `outside` about the interval, null where there is none.
CREATE OR REPLACE MACRO reason_of(verdict, hindrance, remark, scale_reason, table_name, agreement, distance, delta, outside) AS
CASE verdict
    WHEN 'cannot run here' THEN hindrance
    WHEN 'mini' THEN concat_ws('; ', nullif(remark, ''), scale_reason)
    WHEN 'match' THEN format('the published figure is {}', agreement)
    WHEN 'differs' THEN format(
        '{} {} the published figure{}; see docs/tables/{}.md#known-differences',
        distance, CASE WHEN delta > 0 THEN 'above' ELSE 'below' END, coalesce(outside, ''), table_name
    )
    ELSE remark
END;

-- Figures of methods. `tables` are the papers' tables in the order in which they are shown (`SEARLE Table 2`). A published
-- figure is put beside the benchmark that prints its data set and split, unless its protocol is not the papers'
-- (beside_papers).
-- A group of queries is the papers' subset in small letters: `focus_attribute` is `Focus Attribute`.
--
-- Figures are in percent. Over several seeds: mean of the values, their sample standard deviation, and the mean of
-- their intervals' ends. Each query's draw enters an interval, the seed's does not: that is what std is for.
CREATE OR REPLACE MACRO papers_beside_ours(tables) AS TABLE
WITH
printed AS (FROM printed_in(tables)),

subsets AS (
    SELECT dataset AS printed_as, subset_key, min(subset) AS subset FROM printed GROUP BY dataset, subset_key
),

runs AS (
    SELECT
        benchmark, split, lower("group") AS subset_key, any_value("group") AS "group", backbone AS model, method, metric,
        list_avg(list(value ORDER BY seed)) AS measured,
        CASE WHEN count(*) > 1 THEN list_stddev_samp(list(value ORDER BY seed)) END AS std,
        CAST(count(*) AS INTEGER) AS n_seeds,
        list_avg(list(ci_low ORDER BY seed)) AS ci_low,
        list_avg(list(ci_high ORDER BY seed)) AS ci_high
    FROM metrics JOIN benchmarks USING (benchmark, split)
    GROUP BY benchmark, split, subset_key, backbone, method, metric
),

-- Each published figure once for every configured backbone that stands for the paper's; once, unmeasured, if none does.
compared AS (
    SELECT
        printed.paper, printed."table", printed."row", printed.method, printed.backbone, backbones.model,
        printed.dataset, printed.split, coalesce(benchmarks.benchmark, '') AS benchmark, printed.subset, printed.metric,
        runs.measured, runs.std, runs.n_seeds, runs.ci_low, runs.ci_high,
        printed.value AS published, printed.std AS published_std,
        CASE
            WHEN printed.why_not <> '' THEN printed.why_not
            WHEN printed.method = '' THEN format('cirque has no method {} yet', printed."row")
            WHEN methods.run IS NOT TRUE THEN format('this table does not run {}', printed.method)
            WHEN backbones.model IS NULL
                THEN format('this table runs no backbone that stands for {}', printed.backbone)
            WHEN benchmarks.benchmark IS NULL THEN format('this table does not run {} {}', printed.dataset, printed.split)
            WHEN lacking.reason IS NOT NULL THEN format('data missing: {}', lacking.reason)
            WHEN benchmarks.answers = 'hidden' THEN format(
                'the answers of {} {} are hidden: its server scores the files of results/scale={}/submissions',
                printed.dataset, printed.split, settings.scale
            )
            WHEN runs.measured IS NULL
                THEN format('{} is not among the metrics of {}', printed.metric, benchmarks.benchmark)
        END AS hindrance,
        '' AS remark,
        [printed.place_of_table, printed.position, backbones.position] AS place
    FROM printed
    CROSS JOIN settings
    LEFT JOIN methods ON methods.method = printed.method
    LEFT JOIN backbones ON backbones.stands_for = printed.backbone AND methods.run
    LEFT JOIN benchmarks
        ON benchmarks.printed_as = printed.dataset AND benchmarks.split = printed.split AND benchmarks.beside_papers
    LEFT JOIN runs
        ON runs.benchmark = benchmarks.benchmark AND runs.subset_key = printed.subset_key
        AND runs.model = backbones.model AND runs.method = printed.method AND runs.metric = printed.metric
    LEFT JOIN LATERAL (
        SELECT coalesce(
            benchmarks.missing, CASE WHEN methods.is_composed THEN benchmarks.training_missing END, methods.missing,
            backbones.missing
        ) AS reason
    ) AS lacking ON true
),

ours_alone AS (
    SELECT
        '' AS paper, CASE WHEN methods.bound THEN 'upper bound' ELSE '' END AS "table", methods.label AS "row",
        runs.method, backbones.stands_for AS backbone, runs.model, benchmarks.printed_as AS dataset, runs.split,
        runs.benchmark, coalesce(subsets.subset, runs."group") AS subset, runs.metric,
        runs.measured, runs.std, runs.n_seeds, runs.ci_low, runs.ci_high,
        CAST(NULL AS DOUBLE) AS published, CAST(NULL AS DOUBLE) AS published_std,
        CAST(NULL AS VARCHAR) AS hindrance,
        CASE WHEN methods.bound THEN 'upper bound: the query is the target''s own caption' ELSE
            CASE WHEN len(tables) > 0 THEN format('in none of {}', array_to_string(tables, ', ')) ELSE '' END
        END AS remark,
        [len(tables) + 1, benchmarks.position, backbones.position, methods.position, benchmark_metrics.position] AS place
    FROM runs
    JOIN methods USING (method)
    JOIN backbones USING (model)
    JOIN benchmarks USING (benchmark)
    JOIN benchmark_metrics USING (benchmark, metric)
    LEFT JOIN subsets ON subsets.printed_as = benchmarks.printed_as AND subsets.subset_key = runs.subset_key
    ANTI JOIN compared
        ON compared.model = runs.model AND compared.method = runs.method AND compared.metric = runs.metric
        AND compared.benchmark = runs.benchmark AND compared.subset = coalesce(subsets.subset, runs."group")
),

judged AS (
    SELECT
        *,
        measured - published AS delta,
        round(abs(measured - published), 9) <= tolerance AS is_near,
        published BETWEEN ci_low AND ci_high AS is_inside,
        verdict_of(hindrance, comparable, is_near OR is_inside, published) AS verdict
    FROM (SELECT * FROM compared UNION ALL SELECT * FROM ours_alone) CROSS JOIN settings
)

SELECT
    paper, "table", "row", method, backbone, model, dataset, split, benchmark, subset, metric,
    measured, std, n_seeds, ci_low, ci_high, published, published_std, delta, verdict,
    reason_of(
        verdict, hindrance, remark, reason, name,
        concat_ws(' and ',
            CASE WHEN is_near THEN format('within {:.2f} points', tolerance) END,
            CASE WHEN is_inside THEN format('inside the 95 % interval {:.2f} to {:.2f}', ci_low, ci_high) END
        ),
        format('{:.2f} points', abs(delta)), delta, format(', which is outside the 95 % interval {:.2f} to {:.2f}', ci_low, ci_high)
    ) AS reason,
    scale
FROM judged
ORDER BY place, metric, subset;

-- The same for figures that are facts, not rankings: sizes of sets, layers, distances. Each published one once beside the
-- fact that agrees with it in data set, split, subset, backbone, metric and, where it is printed, row; then facts that no
-- paper prints. They are in units of their own, and match when they agree to the last place that is printed, or when the
-- published figure is inside the interval of a fact that was sampled.
CREATE OR REPLACE MACRO papers_beside_facts(tables) AS TABLE
WITH
printed AS (FROM printed_in(tables)),

stated AS (
    SELECT
        facts.*, lower(replace(facts.subset, ' ', '_')) AS subset_key, backbones.stands_for,
        backbones.position AS place_of_backbone, coalesce(benchmarks.benchmark, '') AS benchmark
    FROM facts
    LEFT JOIN backbones ON backbones.model = facts.backbone
    LEFT JOIN benchmarks
        ON benchmarks.printed_as = facts.dataset AND benchmarks.split = facts.split AND benchmarks.beside_papers
),

compared AS (
    SELECT
        printed.paper, printed."table", printed."row", printed.method, printed.backbone, backbones.model,
        printed.dataset, printed.split, coalesce(stated.benchmark, '') AS benchmark, printed.subset, printed.metric,
        stated.value AS measured, stated.ci_low, stated.ci_high,
        printed.value AS published, printed.std AS published_std,
        CASE printed.metric WHEN 'modality_gap' THEN 0.005 WHEN 'tokens' THEN 0.005 ELSE 0 END AS rounding,
        CASE
            WHEN contains(printed.metric, 'V100') THEN 'measured by the paper on a V100, which is not here'
            WHEN printed.backbone <> '' AND backbones.model IS NULL
                THEN format('this table runs no backbone that stands for {}', printed.backbone)
            WHEN stated.value IS NULL THEN format(
                'this table states no {} of {}', printed.metric,
                concat_ws(' ', nullif(printed.dataset, ''), nullif(printed.split, ''), nullif(printed."row", ''))
            )
        END AS hindrance,
        '' AS remark,
        stated.position AS fact,
        [printed.place_of_table, printed.position, backbones.position] AS place
    FROM printed
    LEFT JOIN backbones ON backbones.stands_for = printed.backbone
    LEFT JOIN stated
        ON stated.backbone = coalesce(backbones.model, '') AND (printed.backbone = '') = (stated.backbone = '')
        AND stated.dataset = printed.dataset AND stated.split = printed.split AND stated.subset_key = printed.subset_key
        AND stated.metric = printed.metric AND printed."row" IN ('', stated."row")
),

ours_alone AS (
    SELECT
        '' AS paper, '' AS "table", stated."row", '' AS method, coalesce(stated.stands_for, '') AS backbone,
        nullif(stated.backbone, '') AS model, stated.dataset, stated.split, stated.benchmark, stated.subset, stated.metric,
        stated.value AS measured, stated.ci_low, stated.ci_high,
        CAST(NULL AS DOUBLE) AS published, CAST(NULL AS DOUBLE) AS published_std, 0 AS rounding,
        CAST(NULL AS VARCHAR) AS hindrance, format('in none of {}', array_to_string(tables, ', ')) AS remark,
        stated.position AS fact,
        [len(tables) + 1, coalesce(stated.place_of_backbone, 0), stated.position] AS place
    FROM stated ANTI JOIN compared ON compared.fact = stated.position
),

judged AS (
    SELECT
        *,
        measured - published AS delta,
        round(abs(measured - published), 9) <= rounding AS is_near,
        published BETWEEN ci_low AND ci_high AS is_inside,
        verdict_of(hindrance, comparable, is_near OR is_inside, published) AS verdict
    FROM (SELECT * FROM compared UNION ALL SELECT * FROM ours_alone) CROSS JOIN settings
)

SELECT
    paper, "table", "row", method, backbone, model, dataset, split, benchmark, subset, metric,
    measured, CAST(NULL AS DOUBLE) AS std, CASE WHEN measured IS NOT NULL THEN 1 END AS n_seeds, ci_low, ci_high,
    published, published_std, delta, verdict,
    reason_of(
        verdict, hindrance, remark, reason, name,
        concat_ws(' and ',
            CASE WHEN is_near AND rounding = 0 THEN 'the same' WHEN is_near THEN 'the same as far as it is printed' END,
            CASE WHEN is_inside THEN format('inside the 95 % interval {:.3f} to {:.3f}', ci_low, ci_high) END
        ),
        format('{:g}', abs(delta)), delta, format(', which is outside the 95 % interval {:.3f} to {:.3f}', ci_low, ci_high)
    ) AS reason,
    scale
FROM judged
ORDER BY place, metric, subset;
