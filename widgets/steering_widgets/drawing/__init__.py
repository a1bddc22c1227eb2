"""What plots draw with: colours, columns that grow, marks, the plan at an edge, tools of axes."""
