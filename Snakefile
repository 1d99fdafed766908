# The door to the workflow: `snakemake -c8 results/table_cirr.parquet`. Everything is in workflow/Snakefile; an included
# file cannot set the default target, so it is named here.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
