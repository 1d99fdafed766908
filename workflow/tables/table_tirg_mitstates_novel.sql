-- Unseen pairs of adjective and noun as TIRG prints them, in the closed world; then the open one and the other loss.
FROM papers_beside_ours(['TIRG Table 3'])
