/** Lives until it is killed. */

setInterval(() => {}, 1e6);
