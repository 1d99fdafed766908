-- What the towers cost: LinCIR Table 2, then their throughput on this machine.
FROM papers_beside_facts(['LinCIR Table 2'])
