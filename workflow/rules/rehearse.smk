"""
A dress rehearsal: the official annotation files, and a generated picture under every image name.

READS   the annotation files in the folder that the configuration names (annotations)
WRITES  the same files and the pictures under the data root; a list of images where the official one is not at hand
        <data>/drawn/…: how many files and different pictures a folder has
"""

for table, why in rehearsal.left_out(config).items():
    logger.warning(f"Not rehearsed: {table}: {why}")


rule rehearsal:
    input:
        expand(FILE.pages, table=rehearsal.tables(config)),


rule copy_annotation:
    input:
        file=str(Path(config["annotations"]) / "{file}"),
    output:
        file="<data>/{file}",
    log:
        "<logs>/copy_annotation/{file}.log",
    wildcard_constraints:
        file=plan.one_of(rehearsal.copied(config)),
    localrule: True
    conda:
        "../../envs/cirque.yaml"
    shell:
        "install -m 644 {input.file:q} {output.file:q} 2>&1 | tee {log}"


for list_file, images in rehearsal.unlisted(config).items():

    rule:
        name:
            f"stand_in_list_{images.dataset}"
        input:
            annotations=[f"<data>/{file}" for file in rehearsal.copied_of(config, images.dataset)],
        output:
            output=f"<data>/{list_file}",
        resources:
            **needs(mem_mb=2000, runtime=30),
        params:
            **call(
                "stand_in_list",
                modules=[DATASETS.module(images.dataset)],
                dataset=images.dataset,
                n_images=images.n_images,
                data_root=config["data_root"],
            ),
        shell:
            STAGE


for images in rehearsal.image_sets(config):

    rule:
        name:
            f"draw_pictures_{images.dataset}_{images.split}"
        input:
            lists=[f"<data>/{file}" for file in images.files],
        output:
            folders=[directory(f"<data>/{folder}") for folder in images.folders],
            drawn=f"<data>/drawn/{images.dataset}_{images.split}.json",
        resources:
            **needs(mem_mb=4000, runtime=120),
        params:
            **call(
                "draw_pictures",
                modules=[DATASETS.module(images.dataset)],
                dataset=images.dataset,
                split=images.split,
                data_root=config["data_root"],
                **config["stand_in_pictures"],
            ),
        shell:
            STAGE
