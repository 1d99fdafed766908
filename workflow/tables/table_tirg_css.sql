-- CSS as TIRG prints it, from 3D to 3D and from 2D to 3D; then the released checkpoint of it.
FROM papers_beside_ours(['TIRG Table 4', 'TIRG TIRG repo README (best single model)']) WHERE dataset = 'CSS'
