-- Every metric of the papers as a macro over one ranking (schemas.RANKINGS): the share of 1 that a query contributes.
-- A table's figure is 100 × the mean over its queries. `cirque metrics` computes them through these very lines, and
-- results/cirque.duckdb carries them:
--
--     SELECT method, 100 * avg(recall_at(target_ranks, 7)) FROM rankings GROUP BY method ORDER BY method;
--
-- target_ranks holds the rank of every ground truth, from 1, the benchmark's single target first. It is empty where the
-- answers are hidden; each macro is then null.

-- Whether any ground truth is among the best k: R@K of CIRR, FashionIQ, GeneCIS and COCO.
CREATE OR REPLACE MACRO recall_at(target_ranks INTEGER[], k INTEGER) AS
    CAST(list_min(target_ranks) <= k AS DOUBLE);

-- Whether the single target is among the best k, whatever the other ground truths: Recall@K of CIRCO.
CREATE OR REPLACE MACRO target_recall_at(target_ranks INTEGER[], k INTEGER) AS
    CAST(target_ranks[1] <= k AS DOUBLE);

-- Share of all ground truths among the best k, 0 where there is none: the recall of Pic2Word's ImageNet-R.
CREATE OR REPLACE MACRO recall_of_all_at(target_ranks INTEGER[], k INTEGER) AS
    CASE WHEN len(target_ranks) > 0
        THEN len(list_filter(target_ranks, lambda rank: rank <= k)) / len(target_ranks)
        ELSE 0.0
    END;

-- Whether the target is among the best k of its image set: R_subset@K of CIRR.
CREATE OR REPLACE MACRO subset_recall_at(subset_rank INTEGER, k INTEGER) AS
    CAST(subset_rank <= k AS DOUBLE);

-- Average precision over the best k, of which at most min(|G|, k) can be hits: AP@K of CIRCO (SEARLE §4).
-- The i-th best ground truth, at rank r, has precision i / r.
CREATE OR REPLACE MACRO average_precision_at(target_ranks INTEGER[], k INTEGER) AS
    CASE WHEN len(target_ranks) > 0 THEN
        coalesce(
            list_sum(list_transform(
                list_filter(list_sort(target_ranks), lambda rank: rank <= k),
                lambda rank, i: i / rank
            )),
            0
        ) / least(len(target_ranks), k)
    END;

-- Whether the best candidate is right: classification by retrieval (TIRG Table 3).
CREATE OR REPLACE MACRO accuracy(target_ranks INTEGER[]) AS
    recall_at(target_ranks, 1);
