// What types.d.ts says of a model is no more than what anywidget gives a view.

import type { AnyModel } from "@anywidget/types";

type Traits = { key: string; ended: string };

export const asItIs = (model: AnyModel<Traits>): Model<Traits, { kind: string }, { kind: string }> => model;
