"""
A dress rehearsal: the official annotation files, and a generated picture under every image name.

READS   the annotation files in the folder that the configuration names (annotations)
WRITES  the same files and the pictures under the data root
"""


rule copy_annotation:
    input:
        file=str(Path(config["annotations"]) / "{file}"),
    output:
        file="<data>/{file}",
    log:
        "<logs>/copy_annotation/{file}.log",
    wildcard_constraints:
        file=r"CIRR/cirr/.+\.json|openimages/.+\.csv",
    localrule: True
    conda:
        "../../envs/cirque.yaml"
    shell:
        "install -m 644 {input.file:q} {output.file:q} 2>&1 | tee {log}"


rule draw_pictures:
    input:
        split=lambda wildcards: f"<data>/{sources.annotation_files('cirr', {'dev': 'val'}.get(wildcards.folder, wildcards.folder))['split']}",
    output:
        images=directory("<data>/CIRR/{folder}"),
    wildcard_constraints:
        folder="dev|test1",
    resources:
        **needs(mem_mb=4000, runtime=120),
    params:
        **call("draw_pictures", **config["stand_in_pictures"]),
    shell:
        STAGE
