"""
The CSS data set of TIRG, made from nothing at every scale; or, with `css: null`, the one that was downloaded.

READS   the configuration; or css/css_toy_dataset_novel2_small.dup.npy under the data root, beside its css/images
WRITES  css/css_scenes.json under the data root: scenes, modifications, equal scenes; css/images_2d and css/images: every
        scene as flat blobs and as a rendered picture
RESUMES from <scale>/work/css, picture by picture
"""

from cirque.datasets import css

SCENES = f"<data>/{css.SCENES}"


if config.get("css"):

    rule generate_css:
        output:
            scenes=SCENES,
        resources:
            **needs(mem_mb=4000, runtime=60),
        params:
            **call("generate_css", **without(config["css"], "width", "height", "samples")),
        shell:
            STAGE

    rule render_css:
        input:
            scenes=SCENES,
        output:
            images=directory("<data>/css/images"),
        threads: torch_cores
        resources:
            **needs(mem_mb=8000, runtime=2880),
            torch_threads=torch_threads,
        params:
            **call(
                "render_css",
                **{key: config["css"][key] for key in ("width", "height", "samples", "seed")},
                work=f"{WORK}/css",
            ),
        shell:
            THREADED_STAGE

else:

    rule take_css_release:
        input:
            released=f"<data>/{css.RELEASED}",
        output:
            scenes=SCENES,
        resources:
            **needs(mem_mb=8000, runtime=60),
        params:
            **call("take_css_release"),
        shell:
            STAGE


rule draw_blobs:
    input:
        scenes=SCENES,
    output:
        images=directory("<data>/css/images_2d"),
    resources:
        **needs(mem_mb=4000, runtime=240),
    params:
        **call("draw_blobs"),
    shell:
        STAGE
