"""What plots draw with: columns that grow, marks, the plan at an edge, tools of axes."""
