-- Fashion200k as TIRG prints it, then the released checkpoint of it.
FROM papers_beside_ours(['TIRG Table 1', 'TIRG TIRG repo README (best single model)']) WHERE dataset = 'Fashion200k'
