-- Layers of Pic2Word's network: Pic2Word-supp Table 2.
FROM papers_beside_facts(['Pic2Word-supp Table 2'])
