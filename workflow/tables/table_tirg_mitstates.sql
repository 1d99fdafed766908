-- MIT-States as TIRG prints it, unseen nouns; then the released checkpoint of it.
FROM papers_beside_ours(['TIRG Table 2', 'TIRG TIRG repo README (best single model)']) WHERE dataset = 'MIT-States'
