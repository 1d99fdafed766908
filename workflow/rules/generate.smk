"""
The generated world, where the configuration has a section `world`: one rule a generator.

READS   nothing but the configuration
WRITES  data in the official layouts under the data root: captioned images, caption corpora, concept vocabulary, image
        sets, every benchmark and, beside it, what a real one would not tell: the answers of a test split, and the full
        caption of each target
"""

for generator in sources.generators(config):

    rule:
        name:
            f"generate_{generator}"
        output:
            folders=[directory(f"<data>/{folder}") for folder in sources.generated(config, generator)["folders"]],
            files=[f"<data>/{file}" for file in sources.generated(config, generator)["files"]],
        resources:
            **needs(mem_mb=4000, runtime=60),
        params:
            **call(
                "generate",
                family=GENERATORS,
                member=generator,
                data_root=config["data_root"],
                **sources.world_of(config, generator),
            ),
        shell:
            STAGE
