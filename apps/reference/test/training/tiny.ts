/** A training as small as the net allows. */
export const tiny = '--dataset-name synthetic --image-size 16 --batch-size 2 --synthetic-defective 3 --iter-unit batch'
